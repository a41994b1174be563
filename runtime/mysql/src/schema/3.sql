-- Event sources and records. revision: of the change that made the row what it is. document: JSON text without what is secret,
-- none when the record was deleted. secret: sealed.
CREATE TABLE IF NOT EXISTS configuration (
    tenant VARBINARY(32) NOT NULL,
    context TINYINT NOT NULL,
    kind VARBINARY(64) NOT NULL,
    id VARBINARY(512) NOT NULL,
    revision BIGINT NOT NULL,
    document LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    secret LONGBLOB,
    PRIMARY KEY (tenant, context, kind, id),
    KEY configuration_revision (tenant, revision)
) ENGINE = InnoDB
