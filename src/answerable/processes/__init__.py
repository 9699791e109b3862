"""The processes: settings are read and objects are built here, and nowhere else."""
