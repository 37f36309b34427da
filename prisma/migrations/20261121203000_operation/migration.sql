-- AlterEnum
ALTER TYPE "inventory_kind" ADD VALUE 'operation';
