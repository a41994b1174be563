-- What the tables are like; one row. Of no tenant: all tenants of a database share its tables.
CREATE TABLE IF NOT EXISTS schema_version (
    only_row TINYINT NOT NULL,
    version INT NOT NULL,
    PRIMARY KEY (only_row)
) ENGINE = InnoDB
