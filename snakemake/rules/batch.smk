# Last: every rule is there, and gets the names that the batch system of the profile knows.

from pipeline.batch import tell_batch_system

checked(tell_batch_system, workflow)
