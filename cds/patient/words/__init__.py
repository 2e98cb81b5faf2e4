"""How people write: dates, numbers, and the reviewed phrases that notes and reports are read by."""
