import { Recorder, memory, readRecorded, type OpenStorage } from '@backstory/core';
import { ActionNotRecorded } from '@backstory/core/administration';
import { silent, type ConsumerChanged, type Observer } from '@backstory/core/observe';
import { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching } from '../../../../test/support/subscribing.js';
import { SystemEvents, systemStream } from './system-events.js';

let storage: OpenStorage;
let recorder: Recorder;
let records: jest.SpiedFunction<Recorder['record']>;
let letGo: () => void;
beforeEach(async () => {
  storage = await memory().open();
  recorder = new Recorder(storage.events, { source: 'test' });
  records = jest.spyOn(recorder, 'record');
});
afterEach(() => storage.close());

/** From now on the log does not answer, until it is let go. */
const hangs = () => {
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const record = Recorder.prototype.record.bind(recorder);
  records.mockImplementation(async (...given) => {
    await held;
    return record(...given);
  });
};
const recorded = async () => {
  const types: string[] = [];
  for await (const page of storage.events.readStream(systemStream('fraud')))
    types.push(...page.events.map(readRecorded).map(({ type }) => type));
  return types;
};

it('while the log does not answer one flush waits for all that come meanwhile, and records what they noted', async () => {
  hangs();
  const system = new SystemEvents(recorder, 'fraud');
  system.note('subscription.started', {});
  const first = system.flush();
  await eventually(() => records.mock.calls.length === 1);
  system.note('subscription.paused', {});
  const second = system.flush();
  system.note('subscription.resumed', {});
  expect(system.flush()).toBe(second);
  expect(system.flush()).toBe(second);
  letGo();
  await Promise.all([first, second]);
  expect(records).toHaveBeenCalledTimes(2);
  expect(await recorded()).toEqual(['subscription.started', 'subscription.paused', 'subscription.resumed']);
});

describe('a subscription stops', () => {
  let heard: ConsumerChanged[];
  let subscriptions: Subscriptions;
  beforeEach(async () => {
    heard = [];
    const observer: Observer = { ...silent, consumer: (facts) => void heard.push(facts()) };
    subscriptions = new Subscriptions({ ...storage, recorder, observer });
    await subscriptions.add(watching('fraud', () => undefined));
    await eventually(async () => (await recorded()).length === 1);
  });

  it('though its system stream does not answer, and says what was not recorded', async () => {
    hangs();
    const began = performance.now();
    await subscriptions.close();
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(heard.at(-1)).toEqual({
      consumer: 'fraud',
      change: 'stopped',
      reason: 'not recorded on _system-fraud: subscription.stopped: no answer within 5000 ms',
    });
    letGo();
    await eventually(async () => (await recorded()).includes('subscription.stopped'));
  }, 30_000);

  it('though its system stream cannot be reached, and says what was not recorded', async () => {
    records.mockRejectedValue(new Error('log is away'));
    await subscriptions.close();
    expect(heard.at(-1)).toMatchObject({
      change: 'stopped',
      reason: 'not recorded on _system-fraud: subscription.stopped: log is away',
    });
  });

  it('without a word where all is recorded', async () => {
    await subscriptions.close();
    expect(heard.at(-1)).toEqual({ consumer: 'fraud', change: 'stopped', reason: undefined });
    expect(await recorded()).toEqual(['subscription.started', 'subscription.stopped']);
  });
});

describe('whoever asks while the log is away is told that it is in force and not recorded', () => {
  let subscriptions: Subscriptions;
  beforeEach(async () => {
    subscriptions = new Subscriptions({ ...storage, recorder });
    const fails = () => {
      throw new Error('no such rule');
    };
    await subscriptions.add(watching('fraud', fails, { retry: { attempts: 1 } }));
    await recording(storage.events)('1', new Deposited(1));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    await eventually(async () => (await recorded()).length === 2);
    await subscriptions.remove('fraud');
  });
  afterEach(() => subscriptions.close());

  it.each<[string, () => Promise<unknown>]>([
    ['subscription.paused', () => subscriptions.pause('fraud', { actor: 'ann' })],
    ['subscription.resumed', () => subscriptions.resume('fraud', { actor: 'ann' })],
    ['subscription.reset', () => subscriptions.reset('fraud', 'now', { actor: 'ann' })],
    ['subscription.request', () => subscriptions.skip('fraud', { key: 'account-1' }, { actor: 'ann' })],
    ['subscription.request', () => subscriptions.replay('fraud', { from: 1 }, { actor: 'ann' })],
  ])('%s', async (type, ask) => {
    records.mockRejectedValue(new Error('log is away'));
    const error: unknown = await ask().then(
      () => undefined,
      (it: unknown) => it,
    );
    expect(error).toBeInstanceOf(ActionNotRecorded);
    expect(error).toMatchObject({
      actor: 'ann',
      type,
      message:
        `What ann asked for is in force, but not recorded on _system-fraud: ${type}: log is away. ` +
        'Do not ask for it again: note elsewhere that it was.',
    });
  });

  it('and it is', async () => {
    records.mockRejectedValue(new Error('log is away'));
    await expect(subscriptions.pause('fraud', { actor: 'ann' })).rejects.toThrow(ActionNotRecorded);
    expect(await subscriptions.status('fraud')).toMatchObject({ state: 'paused' });
  });

  it('also where it does not answer', async () => {
    hangs();
    const began = performance.now();
    await expect(subscriptions.pause('fraud', { actor: 'ann' })).rejects.toThrow('no answer within 5000 ms');
    expect(performance.now() - began).toBeLessThan(15_000);
    letGo();
  }, 30_000);
});
