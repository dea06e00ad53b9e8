export const neighbour: string = 'imported by its .js name';
