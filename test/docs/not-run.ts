const ON_A_SERVER = 'it needs a server; packages/cli/src/verbs/store.test.ts runs it on one';
const REHEARSED = 'test/operations/recovery.test.ts types it, from the guide';

/** Commands in `sh` blocks that no test here types, by document, and why. Every other one is run. */
export const NOT_RUN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': {
    'npm run demo': 'the gates run it (.ci/run)',
    'npm test': 'it runs this test',
    'npx backstory init ../bank': 'it installs packages (npm run test:faults)',
    'cd ../bank': 'it is there only then',
    'npm start': 'in the new project (npm run test:faults)',
    'npx backstory replay account-42': 'in the new project (npm run test:faults)',
  },
  'CONTRIBUTING.md': {
    'npm test': 'it runs this test',
    "npm test -- -t 'append'": 'it runs tests',
  },
  'docs/guides/postgres.md': {
    'npm install @backstory/postgres pg': 'it is there',
    'npx backstory store init --store "$DATABASE_URL?schema=ledger"': ON_A_SERVER,
    'npx backstory store status --store "$DATABASE_URL?schema=ledger"': ON_A_SERVER,
    'npx backstory store migrate --plan --store "$DATABASE_URL?schema=ledger"': ON_A_SERVER,
    'npx backstory store migrate --store "$DATABASE_URL?schema=ledger"': ON_A_SERVER,
    'pg_basebackup --pgdata="$BACKUP/base" --checkpoint=fast': REHEARSED,
    'pg_ctl stop --mode=fast': REHEARSED,
    'mv "$PGDATA" "$PGDATA.lost"': REHEARSED,
    'cp -a "$BACKUP/base" "$PGDATA"': REHEARSED,
    [`echo "restore_command = 'cp $BACKUP/wal/%f %p'" >> "$PGDATA/postgresql.auto.conf"`]: REHEARSED,
    [`echo "recovery_target_time = '$UNTIL'" >> "$PGDATA/postgresql.auto.conf"`]: REHEARSED,
    [`echo "recovery_target_action = 'promote'" >> "$PGDATA/postgresql.auto.conf"`]: REHEARSED,
    'touch "$PGDATA/recovery.signal"': REHEARSED,
    'pg_ctl start --wait': REHEARSED,
  },
};
