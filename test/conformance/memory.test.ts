import { describeEventStore, describeStateStore } from '@backstory/testing';
import { memoryEvents, memoryState } from './memory-harness.js';

describeEventStore('the memory event store', memoryEvents());
describeStateStore('the memory state store', memoryState());
