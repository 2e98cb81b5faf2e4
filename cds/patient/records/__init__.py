"""What any record says, whatever it is about: conditions, results, free text, other medicines, and what was refused."""
