-- CreateEnum
CREATE TYPE "inventory_kind" AS ENUM ('topology', 'demands', 'settings', 'assignments');

-- CreateEnum
CREATE TYPE "rung" AS ENUM ('optimal', 'feasible', 'greedy', 'kept');

-- CreateTable
CREATE TABLE "leadership" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "term" INTEGER NOT NULL,

    CONSTRAINT "leadership_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "term" (
    "term" INTEGER NOT NULL,
    "holder" TEXT NOT NULL,
    "acquired_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "term_pkey" PRIMARY KEY ("term")
);

-- CreateTable
CREATE TABLE "document" (
    "hash" CHAR(64) NOT NULL,
    "byte_count" INTEGER NOT NULL,
    "content" BYTEA NOT NULL,

    CONSTRAINT "document_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "inventory_item" (
    "kind" "inventory_kind" NOT NULL,
    "version" INTEGER NOT NULL,
    "term" INTEGER NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "document_hash" CHAR(64) NOT NULL,

    CONSTRAINT "inventory_item_pkey" PRIMARY KEY ("kind")
);

-- CreateTable
CREATE TABLE "cycle_input" (
    "hash" CHAR(64) NOT NULL,
    "topology_hash" CHAR(64) NOT NULL,
    "demands_hash" CHAR(64) NOT NULL,
    "settings_hash" CHAR(64) NOT NULL,
    "assignments_hash" CHAR(64) NOT NULL,

    CONSTRAINT "cycle_input_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "plan" (
    "epoch" INTEGER NOT NULL,
    "term" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "cycle_input_hash" CHAR(64) NOT NULL,
    "plan_hash" CHAR(64) NOT NULL,
    "timings" JSON NOT NULL,
    "rules_digest" TEXT NOT NULL,
    "rule_count" INTEGER NOT NULL,
    "rung" "rung" NOT NULL,
    "demand_bps" DOUBLE PRECISION NOT NULL,
    "admitted_bps" DOUBLE PRECISION NOT NULL,
    "utilization_max" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "plan_pkey" PRIMARY KEY ("epoch")
);

-- CreateTable
CREATE TABLE "event" (
    "sequence" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "kind" TEXT NOT NULL,
    "data" JSON NOT NULL,

    CONSTRAINT "event_pkey" PRIMARY KEY ("sequence")
);

-- CreateTable
CREATE TABLE "forecast" (
    "batch_id" TEXT NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "window_start" TIMESTAMPTZ(3) NOT NULL,
    "window_seconds" INTEGER NOT NULL,
    "matrix_hash" CHAR(64) NOT NULL,

    CONSTRAINT "forecast_pkey" PRIMARY KEY ("batch_id")
);

-- CreateIndex
CREATE INDEX "forecast_window_start_idx" ON "forecast"("window_start");

-- AddForeignKey
ALTER TABLE "inventory_item" ADD CONSTRAINT "inventory_item_document_hash_fkey" FOREIGN KEY ("document_hash") REFERENCES "document"("hash") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "cycle_input" ADD CONSTRAINT "cycle_input_topology_hash_fkey" FOREIGN KEY ("topology_hash") REFERENCES "document"("hash") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "cycle_input" ADD CONSTRAINT "cycle_input_demands_hash_fkey" FOREIGN KEY ("demands_hash") REFERENCES "document"("hash") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "cycle_input" ADD CONSTRAINT "cycle_input_settings_hash_fkey" FOREIGN KEY ("settings_hash") REFERENCES "document"("hash") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "cycle_input" ADD CONSTRAINT "cycle_input_assignments_hash_fkey" FOREIGN KEY ("assignments_hash") REFERENCES "document"("hash") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "plan" ADD CONSTRAINT "plan_term_fkey" FOREIGN KEY ("term") REFERENCES "term"("term") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "plan" ADD CONSTRAINT "plan_cycle_input_hash_fkey" FOREIGN KEY ("cycle_input_hash") REFERENCES "cycle_input"("hash") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "plan" ADD CONSTRAINT "plan_plan_hash_fkey" FOREIGN KEY ("plan_hash") REFERENCES "document"("hash") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "forecast" ADD CONSTRAINT "forecast_matrix_hash_fkey" FOREIGN KEY ("matrix_hash") REFERENCES "document"("hash") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- What Prisma's schema cannot say follows.

-- The one row that every write locks.
INSERT INTO "leadership" ("id", "term") VALUES (1, 0);

ALTER TABLE "leadership" ADD CONSTRAINT "leadership_single" CHECK ("id" = 1);
ALTER TABLE "plan" ADD CONSTRAINT "plan_epoch_positive" CHECK ("epoch" >= 1);
ALTER TABLE "event" ADD CONSTRAINT "event_sequence_positive" CHECK ("sequence" >= 1);

-- A term never falls, whoever writes.
CREATE FUNCTION "refuse_falling_term"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR NEW."term" < OLD."term" THEN
    RAISE EXCEPTION 'the term of the leadership never falls' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER "leadership_term_never_falls" BEFORE UPDATE OR DELETE ON "leadership"
  FOR EACH ROW EXECUTE FUNCTION "refuse_falling_term"();

-- History is append-only: any past cycle can be run again from it. Who must prune disables these triggers first (docs/storage.md).
CREATE FUNCTION "refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the table % is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER "term_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "term"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "document_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "document"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "cycle_input_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "cycle_input"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "plan_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "plan"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "event_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "event"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "forecast_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "forecast"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();
