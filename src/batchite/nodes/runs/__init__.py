"""What a node runs: start tasks, tasks, and what belongs to jobs, each as a list of phases."""
