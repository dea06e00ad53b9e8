import type { Big } from 'backstory';

/** What moves money outside. Asking twice with one `key` moves it once, as payment providers promise. */
export interface PaymentGateway {
  /** @throws GatewayUnavailable — ask again with the same key */
  charge(request: MoneyRequest): Promise<Charged | Refused>;
  /** @throws GatewayUnavailable — ask again with the same key */
  payBack(request: MoneyRequest): Promise<void>;
}

export interface MoneyRequest {
  readonly key: string;
  readonly customerId: string;
  readonly amount: Big;
}

export interface Charged {
  readonly status: 'success';
  readonly paymentId: string;
  readonly processedAt: Date;
}

export interface Refused {
  readonly status: 'refused';
  readonly reason: string;
}

export class GatewayUnavailable extends Error {}

/** A gateway for demonstrations and tests: every customer has so much money, and an outage can be had. */
export class PretendGateway implements PaymentGateway {
  isDown = false;
  readonly paidBack = new Map<string, Big>();
  private readonly answers = new Map<string, Charged | Refused>();

  constructor(private readonly limit: Big) {}

  get charges(): readonly Charged[] {
    return [...this.answers.values()].filter((it) => it.status === 'success');
  }

  async charge({ key, amount }: MoneyRequest): Promise<Charged | Refused> {
    await this.answering();
    const answer = this.answers.get(key) ?? this.decide(amount);
    this.answers.set(key, answer);
    return answer;
  }

  async payBack({ key, amount }: MoneyRequest): Promise<void> {
    await this.answering();
    this.paidBack.set(key, amount);
  }

  private decide(amount: Big): Charged | Refused {
    if (amount.gt(this.limit)) return { status: 'refused', reason: 'the card has not enough cover' };
    const paymentId = `pay_${String(this.answers.size + 1).padStart(8, '0')}`;
    return { status: 'success', paymentId, processedAt: new Date() };
  }

  private async answering(): Promise<void> {
    await Promise.resolve();
    if (this.isDown) throw new GatewayUnavailable('The payment provider does not answer: try again later.');
  }
}
