import {
  type StateEntry,
  type StateTransaction,
  checkCollection,
  checkEntry,
  checkKey,
} from '@backstory/core/state';
import { Pace } from './pace.js';
import { SqliteStateView } from './state-view.js';

/** Reading and writing state in a transaction that is open. */
export class SqliteStateDraft extends SqliteStateView implements StateTransaction {
  async put(collection: string, key: string, value: string): Promise<void> {
    return this.putMany(collection, [{ key, value }]);
  }

  async putMany(collection: string, entries: readonly StateEntry[]): Promise<void> {
    checkCollection(collection);
    entries.forEach(checkEntry);
    const pace = new Pace();
    for (const { key, value } of entries) {
      this.session.run(PUT, [collection, key, value]);
      await pace.breathe();
    }
  }

  async delete(collection: string, key: string): Promise<void> {
    return this.deleteMany(collection, [key]);
  }

  async deleteMany(collection: string, keys: readonly string[]): Promise<void> {
    checkCollection(collection);
    keys.forEach(checkKey);
    this.session.run(DELETE_MANY, [collection, JSON.stringify(keys)]);
  }

  async clear(collection: string): Promise<void> {
    checkCollection(collection);
    this.session.run('DELETE FROM state WHERE collection = ?', [collection]);
  }
}

const DELETE_MANY = 'DELETE FROM state WHERE collection = ? AND key IN (SELECT value FROM json_each(?))';
const PUT = `INSERT INTO state (collection, key, value) VALUES (?, ?, ?)
  ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value`;
