"""The values that everything speaks of: tasks, examples, units, languages, options and what each option does."""
