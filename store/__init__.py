"""Everything Belay keeps. `store.database.Store` is the way in; SQLModel is known here and nowhere else."""
