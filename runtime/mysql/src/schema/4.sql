-- email is in lower case. document: JSON text.
CREATE TABLE IF NOT EXISTS user (
    tenant VARBINARY(32) NOT NULL,
    id VARBINARY(512) NOT NULL,
    email VARBINARY(512) NOT NULL,
    document LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE KEY user_email (tenant, email)
) ENGINE = InnoDB
