"""What the recorded arrays say: functions from arrays to arrays, which read no file and know no model."""
