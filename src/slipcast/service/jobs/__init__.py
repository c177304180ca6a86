"""The life of a job: its states, who may work on it, what happens to it, what it costs."""
