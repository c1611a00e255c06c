-- A person may ask for an ended case to be tried again: it goes back to the state that it ended from, and what
-- was not delivered of it is due again. The steps of the worker itself have the moves of `transition` alone.

CREATE TABLE reopening (
    from_state TEXT NOT NULL,
    to_state   TEXT NOT NULL,
    PRIMARY KEY (from_state, to_state)
) STRICT, WITHOUT ROWID;
INSERT INTO reopening VALUES
    ('refused', 'stable'),       -- by the gate
    ('refused', 'accepted'),     -- by the analysis
    ('failed', 'stable'),
    ('failed', 'accepted'),
    ('failed', 'analysed'),
    ('failed', 'reported'),      -- some destination holds nothing of it
    ('delivered', 'reported');   -- some destination holds a part of it

DROP TRIGGER revision_moves;
CREATE TRIGGER revision_moves BEFORE UPDATE OF state ON revision
WHEN OLD.state <> NEW.state
    AND NOT EXISTS (SELECT 1 FROM transition WHERE from_state = OLD.state AND to_state = NEW.state)
    AND NOT EXISTS (SELECT 1 FROM reopening WHERE from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'no such move'); END;

DROP TRIGGER delivery_ends;
CREATE TRIGGER delivery_ends BEFORE UPDATE OF state ON delivery
WHEN OLD.state = 'delivered' OR (OLD.state IN ('rejected', 'failed') AND NEW.state <> 'pending')
BEGIN SELECT RAISE(ABORT, 'the delivery has ended'); END;

-- How a destination does is asked at every look at /health: without reading every delivery there ever was.
CREATE INDEX delivery_standing ON delivery (destination, state, updated_at);
