-- CreateEnum
CREATE TYPE "audit_phase" AS ENUM ('request', 'outcome', 'both');

-- AlterTable
ALTER TABLE "event" ADD COLUMN     "correlation_id" TEXT,
ADD COLUMN     "epoch" INTEGER;

-- CreateTable
CREATE TABLE "audit_entry" (
    "sequence" BIGINT NOT NULL,
    "term" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "phase" "audit_phase" NOT NULL,
    "request_id" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "method" TEXT NOT NULL,
    "route" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "body_hash" CHAR(64),
    "of" BIGINT,
    "status" INTEGER,
    "code" TEXT,
    "previous_hash" CHAR(64) NOT NULL,
    "hash" CHAR(64) NOT NULL,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("sequence")
);

-- CreateIndex
CREATE INDEX "audit_entry_request_id_idx" ON "audit_entry"("request_id");

-- CreateIndex
CREATE INDEX "audit_entry_actor_sequence_idx" ON "audit_entry"("actor", "sequence");

-- CreateIndex
CREATE INDEX "event_kind_sequence_idx" ON "event"("kind", "sequence");

-- CreateIndex
CREATE INDEX "event_correlation_id_sequence_idx" ON "event"("correlation_id", "sequence");

-- CreateIndex
CREATE INDEX "event_epoch_sequence_idx" ON "event"("epoch", "sequence");

-- What Prisma's schema cannot say follows.

ALTER TABLE "audit_entry" ADD CONSTRAINT "audit_entry_sequence_positive" CHECK ("sequence" >= 1);

-- Append-only for everybody; who changes it all the same breaks the chain of hashes.
CREATE TRIGGER "audit_entry_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_entry"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();
