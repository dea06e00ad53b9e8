import { InvalidDefinition } from '@backstory/events';
import { sqlProjection } from './sql-projection.js';

const declaring = (type: string) => () =>
  sqlProjection('days', {
    version: 1,
    tables: { days: { columns: { day: 'text', more: type }, key: ['day'] } },
    events: {},
    handle: {},
  });

it.each([
  'text) ; --',
  'text; drop table days',
  'text --',
  'text /* not yet',
  'text, other text',
  "text default 'a",
  'text collate "C',
  'numeric(12',
  'text)',
  'text), other (text',
  'text default $$a$$',
  "text default E'\\'', other text default E'\\''",
  'text collate `binary`',
  'text\0',
  ' ',
  `text${', other text'.repeat(10_000)}`,
])('%# what is more than the type of one column is refused', (type) => {
  expect(declaring(type)).toThrow(InvalidDefinition);
  expect(declaring(type)).toThrow(/^.{0,60}a column more of the type .{1,250}$/s);
});

it.each([
  'text',
  'numeric(12, 2) not null default 0',
  "text not null default 'it''s; -- (not) over, yet'",
  "text collate \"C\" check (more in ('a', 'b') and more <> '\")')",
  'timestamp with time zone',
  'text[]',
])('%# a type with its constraints is taken: %s', (type) => {
  expect(declaring(type)).not.toThrow(/column/);
});
