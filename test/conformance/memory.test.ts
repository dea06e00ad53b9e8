import { describeEventStore } from '@backstory/testing';
import { memoryHarness } from './memory-harness.js';

describeEventStore('the memory event store', memoryHarness());
