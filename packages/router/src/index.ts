export { Subscriber, subscriberName } from './subscription/subscriber.js';
