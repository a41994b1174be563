-- document lacks what is secret in the record, which stands sealed beside it.
ALTER TABLE configuration ADD COLUMN secret BLOB;
