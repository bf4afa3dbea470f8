"""Commands and controllers of the hosted fleet's world."""
