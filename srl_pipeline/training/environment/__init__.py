"""What the student meets: the transcript grammar, prompts, rewards and advantages. No torch here."""
