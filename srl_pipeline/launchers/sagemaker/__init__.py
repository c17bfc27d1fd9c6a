"""Trainings as jobs on SageMaker: the request, the jobs, and what a container does with them."""
