-- Policies that hide rows, by table. SQL Server 2016.
select distinct sp.target_object_id as object_id, p.name
from sys.security_predicates sp
join sys.security_policies p on p.object_id = sp.object_id
where p.is_enabled = 1 and sp.predicate_type = 0
