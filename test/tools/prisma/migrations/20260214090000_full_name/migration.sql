-- RenameColumn, by hand: Prisma would drop one column and add the other.
ALTER TABLE "users" RENAME COLUMN "name" TO "full_name";
