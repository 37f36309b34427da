-- CreateTable
CREATE TABLE "lease" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "term" INTEGER NOT NULL,
    "holder" TEXT,
    "rest_address" TEXT,
    "grpc_address" TEXT,
    "expires_at" TIMESTAMPTZ(6),

    CONSTRAINT "lease_pkey" PRIMARY KEY ("id")
);

-- What Prisma's schema cannot say follows.

-- Whoever leads now goes on until somebody takes the lease.
INSERT INTO "lease" ("id", "term") SELECT 1, "term" FROM "leadership" WHERE "id" = 1;

ALTER TABLE "lease" ADD CONSTRAINT "lease_single" CHECK ("id" = 1);

CREATE TRIGGER "lease_term_never_falls" BEFORE UPDATE OR DELETE ON "lease"
  FOR EACH ROW EXECUTE FUNCTION "refuse_falling_term"();

-- Whether a leadership's lease lasts, as of now: a function, because it must see what was committed while a lock was waited for.
CREATE FUNCTION "lease_lasts"("of_term" INTEGER) RETURNS BOOLEAN LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN EXISTS (
    SELECT 1 FROM "lease" WHERE "id" = 1 AND "term" = "of_term" AND ("expires_at" IS NULL OR "expires_at" > clock_timestamp())
  );
END
$$;
