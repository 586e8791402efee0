"""Which of several methods is better: paired statistics, verdicts, tables and figures."""
