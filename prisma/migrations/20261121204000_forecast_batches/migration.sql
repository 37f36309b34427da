-- Forecasts of before had one window each, and nothing was ever planned on them: they go.
DROP TABLE "forecast";

-- CreateEnum
CREATE TYPE "forecast_state" AS ENUM ('receiving', 'ready', 'quarantined', 'refused');

-- CreateTable
CREATE TABLE "forecast_batch" (
    "batch_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "state" "forecast_state" NOT NULL,
    "actor" TEXT,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "completed_at" TIMESTAMPTZ(3),
    "rows" INTEGER NOT NULL DEFAULT 0,
    "line" INTEGER NOT NULL DEFAULT 0,
    "chunks" INTEGER NOT NULL DEFAULT 0,
    "error_count" INTEGER NOT NULL DEFAULT 0,
    "errors" JSON NOT NULL DEFAULT '[]',
    "content_hash" CHAR(64),
    "windows" INTEGER NOT NULL DEFAULT 0,
    "windows_quarantined" INTEGER NOT NULL DEFAULT 0,
    "first_window_start" TIMESTAMPTZ(3),
    "last_window_end" TIMESTAMPTZ(3),
    "released_at" TIMESTAMPTZ(3),
    "released_by" TEXT,

    CONSTRAINT "forecast_batch_pkey" PRIMARY KEY ("batch_id")
);

-- CreateTable
CREATE TABLE "forecast_chunk" (
    "batch_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "content" BYTEA NOT NULL,

    CONSTRAINT "forecast_chunk_pkey" PRIMARY KEY ("batch_id","number")
);

-- CreateTable
CREATE TABLE "forecast_window" (
    "batch_id" TEXT NOT NULL,
    "window_start" TIMESTAMPTZ(3) NOT NULL,
    "window_seconds" INTEGER NOT NULL,
    "quantile" TEXT NOT NULL,
    "window_end" TIMESTAMPTZ(3) NOT NULL,
    "state" "forecast_state" NOT NULL,
    "reasons" JSON NOT NULL,
    "flow_groups" INTEGER NOT NULL,
    "rate_bps" DOUBLE PRECISION NOT NULL,
    "hash" CHAR(64) NOT NULL,
    "content" BYTEA NOT NULL,

    CONSTRAINT "forecast_window_pkey" PRIMARY KEY ("batch_id","window_start","window_seconds","quantile")
);

-- CreateTable
CREATE TABLE "flow_group_set" (
    "hash" CHAR(64) NOT NULL,
    "content" BYTEA NOT NULL,

    CONSTRAINT "flow_group_set_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "demand_history" (
    "window_start" TIMESTAMPTZ(3) NOT NULL,
    "measured_at" TIMESTAMPTZ(3) NOT NULL,
    "flow_groups_hash" CHAR(64) NOT NULL,
    "hash" CHAR(64) NOT NULL,
    "rates" BYTEA NOT NULL,

    CONSTRAINT "demand_history_pkey" PRIMARY KEY ("window_start")
);

-- CreateIndex
CREATE INDEX "forecast_batch_started_at_idx" ON "forecast_batch"("started_at");

-- CreateIndex
CREATE INDEX "forecast_window_window_end_idx" ON "forecast_window"("window_end");

-- CreateIndex
CREATE INDEX "demand_history_flow_groups_hash_idx" ON "demand_history"("flow_groups_hash");

-- AddForeignKey
ALTER TABLE "forecast_chunk" ADD CONSTRAINT "forecast_chunk_batch_id_fkey" FOREIGN KEY ("batch_id") REFERENCES "forecast_batch"("batch_id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "forecast_window" ADD CONSTRAINT "forecast_window_batch_id_fkey" FOREIGN KEY ("batch_id") REFERENCES "forecast_batch"("batch_id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "demand_history" ADD CONSTRAINT "demand_history_flow_groups_hash_fkey" FOREIGN KEY ("flow_groups_hash") REFERENCES "flow_group_set"("hash") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- What Prisma's schema cannot say follows.

-- Windows are never half received.
ALTER TABLE "forecast_window" ADD CONSTRAINT "forecast_window_state" CHECK ("state" IN ('ready', 'quarantined'));
