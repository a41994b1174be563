-- How many wait for a destination, so that nobody has to count them. Whoever changes deliveries of a destination holds the lock of
-- its row: that is what keeps the lines in order.
CREATE TABLE IF NOT EXISTS delivery_queue (
    tenant VARBINARY(32) NOT NULL,
    context TINYINT NOT NULL,
    destination VARBINARY(512) NOT NULL,
    waiting BIGINT NOT NULL,
    PRIMARY KEY (tenant, context, destination)
) ENGINE = InnoDB
