-- An event that exists already undoes the whole transaction, here and in the statements that insert (`OR ROLLBACK`): so SQLite
-- need not keep a copy of each page that a statement changes, only to undo that statement alone.
DROP TRIGGER event_applied;
CREATE TRIGGER event_applied BEFORE INSERT ON event
WHEN EXISTS (SELECT 1 FROM applied_event WHERE context = NEW.context AND id = NEW.id)
BEGIN SELECT RAISE(ROLLBACK, 'event exists'); END;
DROP TRIGGER applied_event_stored;
CREATE TRIGGER applied_event_stored BEFORE INSERT ON applied_event
WHEN EXISTS (SELECT 1 FROM event WHERE context = NEW.context AND id = NEW.id)
BEGIN SELECT RAISE(ROLLBACK, 'event exists'); END;
