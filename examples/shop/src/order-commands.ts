import { Command, handles } from 'backstory/process';
import { Order } from './order';
import { Payment } from './payment';

/** Gives up an order that was not paid in time. It is kept until then, and so has a name. */
@Command('order.give-up-unpaid')
export class GiveUpUnpaid {
  constructor(readonly orderId: string) {}
}

/** Gives back whatever is left of what was paid. */
@Command('payment.give-back')
export class GiveBack {
  constructor(readonly orderId: string) {}
}

export const commands = [
  handles(GiveUpUnpaid, {
    on: Order,
    id: ({ orderId }) => orderId,
    do: (order) => {
      if (order.status === 'created') order.cancel('not paid in time');
    },
  }),
  handles(GiveBack, {
    on: Payment,
    id: ({ orderId }) => orderId,
    do: (payment) => {
      if (payment.refundable.gt(0)) payment.refund(payment.refundable, 'the order was cancelled');
    },
  }),
];
