/** Where what is known about projections is kept in the state store. */
export const PROJECTIONS = 'backstory.projections';

/** The collections and leases of a projection. */
export function placesOf(name: string) {
  const of = (part: string) => `${PROJECTIONS}/${name}/${part}`;
  return {
    /** How far each generation is, by its number. */
    progress: of('progress'),
    /** Why a generation does not go on, by its number. */
    troubles: of('troubles'),
    documents: (generation: number) => of(`${generation}/documents`),
    /** What folds have emitted. */
    results: (generation: number) => of(`${generation}/results`),
    index: (generation: number, path: string) => of(`${generation}/index/${path}`),
    /** Who feeds a generation. */
    lease: (generation: number) => `projection/${name}/${generation}`,
    leases: `projection/${name}/`,
    /** Who has its generations meet. */
    meeting: `projection-meeting/${name}`,
  } as const;
}

/** The places of one projection. */
export type Places = ReturnType<typeof placesOf>;
