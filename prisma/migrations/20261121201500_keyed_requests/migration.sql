-- CreateTable
CREATE TABLE "keyed_request" (
    "actor" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" CHAR(64) NOT NULL,
    "term" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "answer" JSON,

    CONSTRAINT "keyed_request_pkey" PRIMARY KEY ("actor","key")
);

-- CreateIndex
CREATE INDEX "keyed_request_at_idx" ON "keyed_request"("at");
