"""Who this is: age, sex as recorded, pregnancy and family planning (clinical-rules F16, F18)."""
