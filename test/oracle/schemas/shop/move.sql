-- Tables in other schemas; public.users is afterwards what was archive.users.
ALTER TABLE users SET SCHEMA app;
ALTER TABLE archive.users SET SCHEMA public;
ALTER TABLE orders SET SCHEMA archive;
ALTER TABLE items SET SCHEMA app;
ALTER TABLE "Odd Table" SET SCHEMA app;
ALTER TABLE events SET SCHEMA app;
ALTER TABLE measures SET SCHEMA archive;
