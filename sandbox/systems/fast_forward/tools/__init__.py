"""Commands of this system alone: LVM and the mount of the volume it keeps the database on."""
