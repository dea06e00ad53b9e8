import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { readXes } from './read-xes';

let folder: string;

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'xes-'));
});
afterAll(async () => {
  await fs.rm(folder, { recursive: true });
});

const read = async (content: string) => {
  const file = path.join(folder, 'log.xes');
  await fs.writeFile(
    file,
    `<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="1.0">\n${content}\n</log>\n`,
  );
  return readXes(file);
};
const eventAt = (value: string, more = '') => `
  <trace>
    <string key="concept:name" value="1"/>
    <event>
      <string key="concept:name" value="paid"/>
      <date key="time:timestamp" value="${value}"/>
      ${more}
    </event>
  </trace>`;

test('a case has its name, what the log says of it and its events, in order', async () => {
  const [first, second, ...rest] = await read(`
    <trace>
      <string key="concept:name" value="007"/>
      <int key="amount" value="12345678901234567890"/>
      <event>
        <string key="concept:name" value="asked"/><date key="time:timestamp" value="2024-01-01T10:00:00+01:00"/>
      </event>
      <event>
        <string key="concept:name" value="paid"/><date key="time:timestamp" value="2024-01-01T10:00:00.5Z"/>
      </event>
    </trace>
    <trace><string key="concept:name" value="8"/></trace>`);
  expect(first).toMatchObject({
    name: '007',
    attributes: { 'concept:name': '007', amount: '12345678901234567890' },
    events: [
      { activity: 'asked', at: new Date('2024-01-01T09:00:00Z') },
      { activity: 'paid', at: new Date('2024-01-01T10:00:00.500Z') },
    ],
  });
  expect(second).toEqual({ name: '8', attributes: { 'concept:name': '8' }, events: [] });
  expect(rest).toEqual([]);
});

test.each([
  ['Caf&#233; &#x1F600;', 'Café \u{1f600}'],
  ['a&#10;b', 'a\nb'],
  ['&lt;a&gt; &amp; &quot;b&apos;', `<a> & "b'`],
  ['&amp;#233; &amp;lt;', '&#233; &lt;'],
  [' lead and trail ', ' lead and trail '],
  ['', ''],
])('the value "%s" is read as XML means it', async (written, value) => {
  const [first] = await read(eventAt('2024-01-01T10:00:00Z', `<string key="note" value="${written}"/>`));
  expect(first!.events[0]!.attributes['note']).toBe(value);
});

test('a value is read as XML means it however many references there are', async () => {
  const more = `<string key="note" value="${'&#233;'.repeat(200_000)}"/>`;
  const [first] = await read(eventAt('2024-01-01T10:00:00Z', more));
  expect(first!.events[0]!.attributes['note']).toBe('é'.repeat(200_000));
});

test.each(['2024-01-01T10:00:00', '2024-01-01', '1 January 2024', '2024-13-01T10:00:00Z', ''])(
  'the date "%s", which says no instant that all agree on, is refused',
  async (date) => {
    const advice = `time:timestamp "${date}" is no date with a time zone`;
    await expect(read(eventAt(date))).rejects.toThrow(advice);
    const due = `<date key="due" value="${date}"/>`;
    await expect(read(eventAt('2024-01-01T10:00:00Z', due))).rejects.toThrow(`due "${date}" is no date`);
    const text = eventAt(date).replaceAll('date key', 'string key');
    await expect(read(text)).rejects.toThrow(advice);
  },
);

test.each([
  ['nothing in it', '', 'is it an XES file?'],
  ['a case without a name', '<trace><string key="a" value="b"/></trace>', 'A case lacks its name: {"a":"b"}'],
  ['an event without a time', eventAt('').replace(/<date.*>/, ''), 'An event lacks its name or time'],
  [
    'an event without a name',
    eventAt('2024-01-01T10:00:00Z').replace('<string key="concept:name" value="paid"/>', ''),
    'An event lacks its name or time',
  ],
])('a log with %s is refused', async (_, content, message) => {
  await expect(read(content)).rejects.toThrow(message);
});
