#!/bin/sh
# Runs once, when the database is made. The program's role owns its database and is no superuser:
# a superuser does not see the wall between tenants.
set -eu
psql --username postgres --set ON_ERROR_STOP=1 \
  --set password="$(cat /run/secrets/answerable_password)" <<'SQL'
CREATE ROLE answerable LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE answerable OWNER answerable;
REVOKE ALL ON DATABASE answerable FROM PUBLIC;
SQL
