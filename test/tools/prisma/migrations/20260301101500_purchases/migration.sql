-- RenameTable, by hand
ALTER TABLE "orders" RENAME TO "purchases";

-- AlterTable
ALTER TABLE "purchases" ALTER COLUMN "amount" SET DATA TYPE BIGINT;

-- AlterTable
ALTER TABLE "purchases" RENAME CONSTRAINT "orders_pkey" TO "purchases_pkey";

-- RenameForeignKey
ALTER TABLE "purchases" RENAME CONSTRAINT "orders_user_id_fkey" TO "purchases_user_id_fkey";
