-- Which profile was merged into which: the deliveries of the one are found by the id of the other.
CREATE TABLE IF NOT EXISTS profile_merge (
    tenant VARBINARY(32) NOT NULL,
    context TINYINT NOT NULL,
    gone VARBINARY(512) NOT NULL,
    survivor VARBINARY(512) NOT NULL,
    PRIMARY KEY (tenant, context, gone, survivor),
    KEY profile_merge_survivor (tenant, context, survivor, gone)
) ENGINE = InnoDB
