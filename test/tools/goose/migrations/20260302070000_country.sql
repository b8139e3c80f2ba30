-- +goose Up
ALTER TABLE users ADD COLUMN country text NOT NULL DEFAULT 'DE';
ALTER TABLE users DROP COLUMN legacy;
