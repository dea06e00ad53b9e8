import { Aggregate } from 'backstory';
import { ProcessState } from 'backstory/process';

/** What `OrderProcess` knows of one order: what it would have to undo, and whether it has come to its end. */
@Aggregate('fulfilment')
export class Fulfilment extends ProcessState {}
