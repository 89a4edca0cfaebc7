"""The list of dishonest judgment debtors (失信被执行人), asked before an approval and answered with evidence."""
