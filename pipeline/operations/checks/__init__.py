"""What is looked at: one file each, with `check(machine)`, which gives findings; its name is that of the check."""
