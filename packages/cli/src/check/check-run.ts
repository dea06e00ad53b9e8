import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { modelOf } from '@backstory/aggregate';
import { categoryOf, type EventStore } from '@backstory/core';
import type { Json } from '@backstory/events';
import {
  FindingGroups,
  UnusableRecord,
  compareTrails,
  faultsOf,
  readTrailLine,
  type Finding,
  type FindingGroup,
  type Trail,
  type TrailsFooter,
  type TrailsHeader,
} from '@backstory/replay/check';
import { categoriesOf, requireCategory } from '../categories.js';
import { UsageError } from '../errors.js';
import { requireOwn, requireWritable } from '../part-file.js';
import { progressOn, type Progress } from '../progress.js';
import type { VerbCall } from '../verb.js';
import { openBuild, type BuildPlace, type OpenBuild } from './build.js';
import { checkedLines, recordedLines, type Checked, type GroupWithValues } from './check-text.js';
import { ThreadPool, poolHere, type FoldPool } from './fold-pool.js';
import { junit } from './junit.js';
import { PropertyNames, requireNames } from './property-names.js';
import { countStreams, foldAll, itemsOf, streamsOf, type Items } from './run-check.js';
import { TrailsFile, TrailsWriter } from './trails-file.js';

export const CHECK_FILE = 'backstory-check.ndjson';

/** The options of the verb. */
export interface CheckValues {
  readonly file?: string;
  readonly against?: string;
  readonly category?: readonly string[];
  readonly sample?: number;
  readonly lastOnly?: boolean;
  readonly twice?: boolean;
  readonly ignore?: readonly string[];
  readonly map?: readonly string[];
  readonly junit?: string;
  readonly workers?: number;
  readonly resume?: boolean;
}

/** One run of `check`: with the build of the configuration, and with another one where that is asked for. */
export class CheckRun {
  private readonly options: CheckValues;
  private readonly file: string;
  private readonly log: EventStore;
  private readonly pools: FoldPool[] = [];

  constructor(
    private readonly call: VerbCall,
    private readonly place: BuildPlace,
    private readonly own: OpenBuild,
    private readonly threads: FoldPool | undefined,
  ) {
    this.options = call.options as CheckValues;
    this.file = path.resolve(call.io.cwd, this.options.file ?? CHECK_FILE);
    this.log = own.source.events;
  }

  async record(): Promise<'finding' | undefined> {
    const groups = new FindingGroups();
    const header = await this.header();
    const pool = await this.pool();
    const footer = await this.write({
      pool,
      file: this.file,
      header,
      items: this.all(),
      found: (it) => groups.add(it),
    });
    const file = path.relative(this.call.io.cwd, this.file);
    const answer = { action: 'record', file, ...footer, findings: groups.all() };
    await this.call.report.answer(answer, (paper) => recordedLines(answer, paper));
    return answer.findings.length > 0 ? 'finding' : undefined;
  }

  async check(): Promise<'finding' | undefined> {
    const { against, junit: report } = this.options;
    if (report !== undefined) {
      const file = path.resolve(this.call.io.cwd, report);
      requireWritable(file, '--junit');
      requireOwn(file, '<?xml', '--junit');
    }
    const renamed = this.renamed();
    const other = against === undefined ? undefined : await this.pool(against);
    const before = other ? await this.foldedBy(other) : await TrailsFile.open(this.file);
    await this.refuseOtherLog(before);
    const present = `${this.file}.present`;
    const pool = await this.pool();
    const header = { ...before.header, code: this.code(before.header.categories) };
    const footer = await this.write({ pool, file: present, header, items: itemsOf(before) });
    const compared = await this.compare(before, await TrailsFile.open(present), renamed);
    const { groups, categories, had, has } = compared;
    const findings = await this.withValues(groups.all(), pool, other);
    fs.rmSync(present, { force: true });
    if (other) fs.rmSync(before.file, { force: true });
    requireNames({ had, has, renamed, ignore: this.options.ignore ?? [] });
    await this.tell({ action: 'check', ...footer, categories, findings });
    return findings.length > 0 ? 'finding' : undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.pools.map((it) => it.close()));
    await this.own.close();
  }

  private async foldedBy(other: FoldPool): Promise<TrailsFile> {
    const file = `${this.file}.against`;
    const header = await this.header();
    await this.write({ pool: other, file, header, items: this.all() });
    return TrailsFile.open(file);
  }

  /** What an interrupted run has written stays beside the file, for --resume. */
  private async write({ pool, file, header, items, found }: Writing): Promise<TrailsFooter> {
    const { resume = false, twice = false } = this.options;
    const writer = await TrailsWriter.open(file, header, resume);
    if (found) for (const line of writer.written) faultsOf(readTrailLine(line)).forEach(found);
    const progress = await this.progress(header);
    const { isLastOnly } = writer.header;
    return foldAll({
      pool,
      items: items(writer),
      options: { isLastOnly, isTwice: twice },
      writer,
      signal: this.call.io.signal,
      ...(found && { found }),
      onStreams: progress.update,
    }).finally(progress.stop);
  }

  private async progress({ categories }: TrailsHeader) {
    const { io } = this.call;
    const total = io.stderr.isTTY ? await countStreams(this.log, categories) : 0;
    const { update, stop }: Progress = await progressOn(io, 'Folding');
    return { update: (streams: number) => update(Math.min(streams, total), total), stop };
  }

  private async header(): Promise<TrailsHeader> {
    const { logId, head } = await this.log.identity();
    const { lastOnly = false, sample = null } = this.options;
    const categories = this.categories();
    return {
      format: 'backstory.check/2',
      logId,
      head,
      categories,
      isLastOnly: lastOnly,
      sample,
      recordedAt: new Date().toISOString(),
      code: this.code(categories),
    };
  }

  /** @throws UsageError for a category that nothing folds */
  private categories(): readonly string[] {
    const { source } = this.own;
    const wanted = this.options.category ?? categoriesOf(source);
    for (const category of wanted) requireCategory(source, category);
    return [...wanted].sort();
  }

  private code(categories: readonly string[]): string {
    const models = this.own.source.aggregates.map((cls) => modelOf(cls));
    return categories.map((it) => models.find(({ category }) => category === it)?.shape ?? '').join(' ');
  }

  private all(): Items {
    const { log } = this;
    return async function* ({ header, after }) {
      const total = header.sample === null ? 0 : await countStreams(log, header.categories);
      yield* streamsOf(log, header, { after, total });
    };
  }

  /** In threads, but for an application that only this process has. */
  private async pool(against?: string): Promise<FoldPool> {
    if (against === undefined && this.threads) return this.threads;
    const { definition } = this.call.io;
    const place = { ...this.place, ...(against === undefined ? {} : { against }) };
    const here = { source: this.own.source, close: () => Promise.resolve() };
    const threads = definition ? undefined : threadsFor(place, this.options);
    threads?.begin();
    const pool =
      threads ?? poolHere(against === undefined ? here : await openBuild(place, { loaded: definition }));
    this.pools.push(pool);
    return pool;
  }

  private async refuseOtherLog({ file, header }: TrailsFile): Promise<void> {
    const { logId } = await this.log.identity();
    if (header.logId === logId) return;
    throw new UnusableRecord(
      file,
      'other-log',
      `${file} was recorded of the log ${header.logId}, and this is ${logId}: give the --store that was recorded, or record this one.`,
    );
  }

  private async compare(before: TrailsFile, now: TrailsFile, renamed: Readonly<Record<string, string>>) {
    const { ignore = [] } = this.options;
    const groups = new FindingGroups();
    const categories = new Map<string, number>();
    const [had, has] = [new PropertyNames(), new PropertyNames()];
    const present = now.trails();
    let next = await present.next();
    for await (const trail of before.trails()) {
      const category = categoryOf(trail.stream);
      categories.set(category, (categories.get(category) ?? 0) + 1);
      const found: Trail | undefined =
        !next.done && next.value.stream === trail.stream ? next.value : undefined;
      if (found) next = await present.next();
      had.add(trail);
      if (found) has.add(found);
      for (const finding of compareTrails(trail, found, { ignore, renamed }))
        groups.add(await this.withType(finding, before.header));
    }
    const counted = [...categories].map(([category, streams]) => ({ category, streams }));
    return { groups, categories: counted, had, has };
  }

  /** Of a difference the trails know the version; what happened there the log knows. */
  private async withType(finding: Finding, { isLastOnly }: TrailsHeader): Promise<Finding> {
    const { kind, stream, version } = finding;
    if (kind !== 'diverged' || version === 0 || isLastOnly) return finding;
    for await (const { events } of this.log.readStream(stream, { after: version - 1, upTo: version }))
      if (events[0]) return { ...finding, type: events[0].type };
    return finding;
  }

  /** What the first of each group is now, and what the other build makes of it. */
  private async withValues(groups: readonly FindingGroup[], now: FoldPool, other: FoldPool | undefined) {
    const found: GroupWithValues[] = [];
    for (const group of groups) {
      const [{ stream, version }] = group.examples as [FindingGroup['examples'][number]];
      if (group.kind !== 'diverged') found.push(group);
      else {
        const [before, after] = [await other?.state(stream, version), await now.state(stream, version)];
        const values = group.fields.map((field) => valuesOf(field, before, after));
        found.push({ ...group, values });
      }
    }
    return found;
  }

  /** @throws UsageError */
  private renamed(): Readonly<Record<string, string>> {
    const pairs = (this.options.map ?? []).map((text) => {
      const [old = '', now = '', ...more] = text.split('=');
      if (old !== '' && now !== '' && more.length === 0) return [old, now] as const;
      throw new UsageError(
        'invalid-argument',
        `--map ${text} is no pair of names: give old=new, e.g. --map total=amount.`,
      );
    });
    return Object.fromEntries(pairs);
  }

  private async tell(checked: Checked): Promise<void> {
    const { junit: file } = this.options;
    const { io, report } = this.call;
    const name = 'backstory check';
    if (file !== undefined)
      fs.writeFileSync(
        path.resolve(io.cwd, file),
        junit({ name, categories: checked.categories, groups: checked.findings }),
      );
    await report.answer(checked, (paper) => checkedLines(checked, paper));
  }
}

/** `undefined` where it was said that there are to be none. */
export function threadsFor(place: BuildPlace, { workers }: CheckValues): ThreadPool | undefined {
  const count = workers ?? Math.min(4, os.availableParallelism());
  return count > 0 ? new ThreadPool(place, count) : undefined;
}

interface Writing {
  readonly pool: FoldPool;
  readonly file: string;
  readonly header: TrailsHeader;
  readonly items: Items;
  /** What is wrong with a stream by itself. */
  readonly found?: (fault: Finding) => void;
}

function valuesOf(field: string, before: Json | undefined, after: Json | undefined) {
  const [old, now] = [before, after].map((state) =>
    field === '' ? state : (state as Record<string, Json> | undefined)?.[field],
  );
  return { field, ...(old !== undefined && { before: old }), ...(now !== undefined && { after: now }) };
}
