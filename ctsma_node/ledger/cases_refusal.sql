-- A report can be refused, too: behind a restart the series is judged again, and rules may have changed meanwhile.

INSERT INTO transition VALUES ('analysed', 'refused');
INSERT INTO reopening VALUES ('refused', 'analysed');
