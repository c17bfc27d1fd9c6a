"""Any language model as a teacher: its prompt, how its answers are read, and the teacher itself."""
