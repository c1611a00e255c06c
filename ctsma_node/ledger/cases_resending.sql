-- What has arrived can be asked to be sent again, for a destination that lost it: then it is due as at first.

DROP TRIGGER delivery_ends;
CREATE TRIGGER delivery_ends BEFORE UPDATE OF state ON delivery
WHEN OLD.state IN ('delivered', 'rejected', 'failed') AND NEW.state <> 'pending'
BEGIN SELECT RAISE(ABORT, 'the delivery has ended'); END;
