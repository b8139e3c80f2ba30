/*
  Warnings:

  - You are about to drop the column `legacy` on the `users` table. All the data in the column will be lost.

*/
-- AlterTable
ALTER TABLE "users" DROP COLUMN "legacy",
ADD COLUMN     "country" TEXT NOT NULL DEFAULT 'DE';
